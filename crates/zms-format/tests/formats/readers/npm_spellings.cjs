// Looks for a spelling of a value that npm dotenv reads back, and prints those found as JSON: one
// list per value, in it [spelling as hexadecimal, which of parse, fast and config read it].
//
// Standard input is JSON: { values: [hexadecimal], escapes: [[plain, escaped]], quotes, starts, ends }.
// Every subset of the escapes is tried, with every quote around the value and around what follows
// its first JavaScript line, every start and every end.
//
// Call: node npm_spellings.cjs FOLDER_OF_NODE_MODULES FOLDER_FOR_FILES
const fs = require('fs')
const path = require('path')
const [folder, scratch] = process.argv.slice(2)
const dotenv = require(require.resolve('dotenv', { paths: [folder, path.join(folder, '..')] }))
const { values, escapes, quotes, starts, ends } = JSON.parse(fs.readFileSync(0, 'utf8'))

// One character per byte, so that any bytes can be replaced.
const bytes = text => Buffer.from(text, 'utf8').toString('latin1')
const LINE_END = new RegExp([bytes('\u2028'), bytes('\u2029')].join('|'))

function contents (value) {
  let contents = [value]
  for (const [plain, escaped] of escapes) {
    contents = contents.concat(contents.map(c => c.replaceAll(bytes(plain), () => bytes(escaped))))
    contents = [...new Set(contents)]
  }
  return contents
}

function * spellings (value) {
  for (const content of contents(value)) {
    const quoted = quotes.map(quote => quote + content + quote)
    const end = LINE_END.exec(content)
    if (end) {
      const at = end.index + end[0].length
      for (const quote of quotes) {
        if (quote !== '') quoted.push(content.slice(0, at) + quote + content.slice(at) + quote)
      }
    }
    for (const text of quoted) {
      for (const end of ends) for (const start of starts) yield start + text + end + '\n'
    }
  }
}

// `config()` as users call it, into this process's own environment.
function config (spelling) {
  const file = path.join(scratch, 'spelling.env')
  fs.writeFileSync(file, spelling)
  delete process.env.K
  const { error } = dotenv.config({ path: file, quiet: true })
  if (error) throw error
  const value = process.env.K
  delete process.env.K
  return value
}

function found (hex) {
  const value = Buffer.from(hex, 'hex')
  const same = read => typeof read === 'string' && Buffer.from(read, 'utf8').equals(value)
  const found = []
  for (const latin1 of spellings(value.toString('latin1'))) {
    const spelling = Buffer.from(latin1, 'latin1')
    const text = spelling.toString('utf8')
    const readers = []
    if (same(dotenv.parse(text).K)) readers.push('parse')
    if (same(dotenv.parse(text, { fast: true }).K)) readers.push('fast')
    // What no parser reads `config` does not read either.
    if (readers.length > 0 && same(config(spelling))) readers.push('config')
    if (readers.length > 0) found.push([spelling.toString('hex'), readers])
  }
  return found
}

process.stdout.write(JSON.stringify(values.map(found)))
