// Reads dotenv files with npm dotenv in every way it offers, and prints what it got as JSON:
// one object per file, reader -> name -> value as hexadecimal UTF-8.
//
// Call: node npm_dotenv.cjs FOLDER_OF_NODE_MODULES FILE...
const fs = require('fs')
const path = require('path')
const [folder, ...files] = process.argv.slice(2)
const dotenv = require(require.resolve('dotenv', { paths: [folder, path.join(folder, '..')] }))

function shown (values) {
  const result = Object.create(null)
  for (const name of Object.keys(values)) {
    result[name] = Buffer.from(values[name], 'utf8').toString('hex')
  }
  return result
}

// `config()` as users call it, into this process's own environment.
function config (file) {
  const before = { ...process.env }
  for (const name of Object.keys(before)) delete process.env[name]
  const { error } = dotenv.config({ path: file, quiet: true })
  if (error) throw error
  const values = shown(process.env)
  for (const name of Object.keys(process.env)) delete process.env[name]
  Object.assign(process.env, before)
  return values
}

const answers = files.map(file => ({
  parse: shown(dotenv.parse(fs.readFileSync(file))),
  fast: shown(dotenv.parse(fs.readFileSync(file), { fast: true })),
  config: config(file)
}))
process.stdout.write(JSON.stringify(answers))
