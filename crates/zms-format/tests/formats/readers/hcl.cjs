// Reads .tfvars files with HashiCorp's own parser of HCL, compiled to WebAssembly, and prints what
// it got as JSON: one object per file, name -> value as hexadecimal UTF-8; null where it refuses
// the file.
//
// Call: node hcl.cjs FOLDER_OF_NODE_MODULES FILE...
const fs = require('fs')
const path = require('path')
const [folder, ...files] = process.argv.slice(2)
const paths = [folder, path.join(folder, '..')]
const { parse } = require(require.resolve('@cdktn/hcl2json', { paths }))

// The answer is HCL's JSON syntax, whose strings are templates with `$${` and `%%{` as escapes.
const text = value => value.replace(/([$%])\1\{/g, '$1{')
const hex = value => Buffer.from(text(value), 'utf8').toString('hex')
const shown = values => Object.fromEntries(Object.entries(values).map(([n, v]) => [n, hex(v)]))

async function main () {
  const answers = []
  for (const file of files) {
    const source = fs.readFileSync(file, 'utf8')
    answers.push(await parse('x.tfvars', source).then(shown, () => null))
  }
  process.stdout.write(JSON.stringify(answers), () => process.exit(0))
}
main()
