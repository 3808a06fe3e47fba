# Made `app.zms`, in an empty home, and the files beside it.
zms init -q > /dev/null
printf 'DATABASE_URL=postgres://frozen\nEMPTY=\nLEVEL=info\n' | zms import -q -
printf 'LEVEL=warn\n' | zms import -q - -e production
zms service create api -e production -q
printf 'three\nlines\nof text\n' | zms set TEXT --file - -e production -s api -q
zms set ALIAS --ref default/production/LEVEL -e production -s api -q
zms token create dev -q > dev.token
zms token create api -e production -s api -q > api.token
for level in debug trace; do printf "$level" | zms set LEVEL -q; done
zms bundle create app.zms --token dev,api -q
zms status --pin > dev.pin
