// Reads YAML files with js-yaml and yaml, and prints what they made of them as JSON: one list per
// reader, in it one document per file.
//
// Call: node npm_manifests.cjs FOLDER_OF_NODE_MODULES FILE...
const fs = require('fs')
const path = require('path')
const [folder, ...files] = process.argv.slice(2)
const find = name => require(require.resolve(name, { paths: [folder, path.join(folder, '..')] }))
const jsYaml = find('js-yaml')
const yaml = find('yaml')
const readers = [text => jsYaml.load(text), text => yaml.parse(text)]
process.stdout.write(JSON.stringify(
  readers.map(read => files.map(file => read(fs.readFileSync(file, 'utf8'))))))
