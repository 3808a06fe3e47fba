# Fills a new vault with one of everything that this version knows. The test `freeze` runs it in
# a scratch home; what it leaves in `tokens` are the tokens, by name.
set -eu
token() {
    name=$1
    shift
    zms token create "$name" -q "$@" > "tokens/$name"
}
as() { # TOKEN COMMAND...
    ZMS_TOKEN=$(cat "tokens/$1")
    export ZMS_TOKEN
    shift
    "$@" > /dev/null
    unset ZMS_TOKEN
}
mkdir tokens
chmod 700 tokens
zms init -q > /dev/null

# Names and values of all sorts.
printf 'plain value' | zms set PLAIN
printf '\n\n' | zms set NEWLINE
printf 'EMPTY=\nLINES="one\ntwo\n"\nHASH=$2a$10$N9qo8uLOickgx2ZMRZoMye\n' | zms import - -q
i=0
while [ $i -lt 256 ]; do
    printf '%b' "\\0$(printf %o $i)"
    i=$((i + 1))
done > binary
zms set BINARY --file binary
head -c 102400 /dev/urandom > large
zms set LARGE --file large --note 'one hundred KiB'
printf '{"a": [1, 2.50, "\\u00e9"]}' | zms set JSON --kind json
printf 'debug = no' | zms set CONFIG --kind config --note 'who: ops, why: größe'
printf 1 | zms set 'with space'
printf 2 | zms set -- -dash
printf 3 | zms set 'größe.🔑'
printf 4 | zms set "$(head -c 255 /dev/zero | tr '\0' n)"
zms set REFERENCE --ref default/development/PLAIN
printf lasts | zms set LASTS --expires 2999-01-01
printf short | zms set EXPIRED --expires 1s

# Places.
zms env create a.b_c-9
zms env create eu --protected
printf eu | zms set REGION -e eu --yes
zms service create worker
zms project create shop
zms service create api -p shop -e production
printf postgres://base | zms set DATABASE_URL -p shop -e production
printf base | zms set SHARED -p shop -e production
printf postgres://api | zms set DATABASE_URL -p shop -e production -s api
zms set POINTS --ref shop/production/SHARED -p shop -e production -s api
printf stage | zms set DATABASE_URL -p shop -e staging
zms env copy production copied -p shop
zms service rename worker jobs

# Tokens.
token reads
token service -p shop -e production -s api
token narrow -p shop -e production -s api --no-inherit
token several -p shop -e staging,production
token writes -p shop -e production --write
token lasting --ttl 36500d
token expired --ttl 1s
token counted --uses 3
token second --admin
token gone -p shop -e production --write
as counted zms get PLAIN
as reads zms ls
as second zms ls -p shop -e staging

# A history of several authors, kinds and epochs.
for value in first second third; do printf $value | zms set CHANGED -p shop -e production; done
printf token | as writes zms set CHANGED
printf leaves | as gone zms set WRITTEN_BY_GONE
printf removed | zms set REMOVED -p shop -e production
zms rm REMOVED -p shop -e production
zms token revoke gone --yes > /dev/null
printf fourth | zms set CHANGED -p shop -e production --note 'after new keys'
printf mistake | zms set SHARED -p shop -e production
zms undo -p shop -e production > /dev/null
zms mv DATABASE_URL DB_URL -p shop -e staging
zms token revoke several --yes > /dev/null
printf fifth | zms set CHANGED -p shop -e production
sleep 2.2
zms audit verify > /dev/null
