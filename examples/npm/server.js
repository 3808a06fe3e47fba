// Proves what it received without printing it.
const { DATABASE_URL } = process.env
if (!DATABASE_URL) {
  console.error('DATABASE_URL is missing: start this with `npm start`')
  process.exit(1)
}
console.log(`a database URL of ${DATABASE_URL.length} characters`)
