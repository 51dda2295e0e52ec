// Prints the version that follows: node next-version.mjs 0.4.2 breaking
const [current = "", kind = ""] = process.argv.slice(2)
const [, major, minor, patch] = /^v?(\d+)\.(\d+)\.(\d+)$/.exec(current)?.map(Number) ?? []
const kinds = ["breaking", "added", "changed", "fixed"]

if (major === undefined || !kinds.includes(kind)) {
  console.error(`Give a version such as 1.2.3 and one of ${kinds.join(", ")}.`)
  process.exit(1)
}

const early = major === 0
if (kind === "breaking") console.log(early ? `0.${minor + 1}.0` : `${major + 1}.0.0`)
else if (kind === "added" && !early) console.log(`${major}.${minor + 1}.0`)
else console.log(`${major}.${minor}.${patch + 1}`)
