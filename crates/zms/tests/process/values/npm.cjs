// npm.cjs NODE_MODULES FILE: what npm dotenv makes of a file, in hex.
const fs = require('fs');
const path = require('path');
const dotenv = require(path.join(process.argv[2], 'dotenv'));

const read = dotenv.parse(fs.readFileSync(process.argv[3]));
const hex = (text) => Buffer.from(text, 'utf8').toString('hex');
console.log(JSON.stringify(Object.fromEntries(Object.entries(read).map(([k, v]) => [k, hex(v)]))));
