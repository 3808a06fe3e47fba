// Reads YAML and TOML files with js-yaml, yaml and smol-toml, and prints what it got as JSON.
//
// One list per reader, in it one object per file: name -> value as hexadecimal UTF-8, null for a
// value that is not a string; the whole object is null if the reader throws. `text` reads YAML
// without any guess at types.
//
// Call: node npm_tables.cjs FOLDER_OF_NODE_MODULES yaml|text|toml FILE...
const fs = require('fs')
const path = require('path')
const [folder, kind, ...files] = process.argv.slice(2)
const find = name => require(require.resolve(name, { paths: [folder, path.join(folder, '..')] }))
const jsYaml = find('js-yaml')
const yaml = find('yaml')
const smolToml = find('smol-toml')

const readers = {
  yaml: [text => jsYaml.load(text), text => yaml.parse(text)],
  text: [
    text => jsYaml.load(text, { schema: jsYaml.FAILSAFE_SCHEMA }),
    text => yaml.parse(text, { schema: 'failsafe', logLevel: 'error' })
  ],
  toml: [text => smolToml.parse(text)]
}[kind]

function shown (values) {
  if (values === null || typeof values !== 'object' || Array.isArray(values)) return null
  const result = Object.create(null)
  for (const name of Object.keys(values)) {
    const value = values[name]
    result[name] = typeof value === 'string' ? Buffer.from(value, 'utf8').toString('hex') : null
  }
  return result
}

function attempt (read, file) {
  try {
    return shown(read(fs.readFileSync(file, 'utf8')))
  } catch {
    return null
  }
}

process.stdout.write(JSON.stringify(readers.map(read => files.map(file => attempt(read, file)))))
