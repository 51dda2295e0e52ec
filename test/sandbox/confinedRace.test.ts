import { spawn } from "node:child_process"
import * as Fs from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import * as Attacks from "../support/attacksFiles.ts"

/**
 * Swaps what is there for a link and back, as fast as it can, and says so when it begins. What somebody makes in the gap
 * goes aside.
 */
const swaps = `
const { renameSync, writeSync } = require("node:fs")
const [place, link] = process.argv.slice(1)
const tried = (from, to) => { try { renameSync(from, to); return true } catch { return false } }
for (let count = 0; ; count++) {
  tried(place, place + "-")
  tried(link, place)
  tried(place, link)
  if (!tried(place + "-", place) && tried(place, place + count)) tried(place + "-", place)
  if (count === 0) writeSync(1, "begun")
}`

/** In a folder that it stays in wherever that goes. */
const swapping = (cwd: string, place: string, link: string) =>
  Effect.acquireRelease(
    Effect.async<ReturnType<typeof spawn>>((resume) => {
      const child = spawn(process.execPath, ["-e", swaps, place, link], { cwd, stdio: ["ignore", "pipe", "ignore"] })
      child.stdout?.once("data", () => resume(Effect.succeed(child)))
    }),
    (child) =>
      Effect.async<void>((resume) => {
        child.once("exit", () => resume(Effect.void))
        child.kill("SIGKILL")
      })
  )

const attempts = [
  "read way/deep/file",
  "write way/deep/new",
  "remove way/deep/new",
  "list way/deep",
  "stat way/deep/file"
]

describe("Confined", () => {
  it.scoped("nothing outside is reached while folders and files are swapped for links", () =>
    Effect.gen(function* () {
      const top = yield* Attacks.host
      const files = yield* Attacks.confined(top, true)
      if (!files.exact) return
      Fs.mkdirSync(join(top, "outside/deep"))
      Fs.writeFileSync(join(top, "outside/deep/file"), "SECRET")
      Fs.writeFileSync(join(top, "outside/deep/secret"), "SECRET")
      Fs.mkdirSync(join(top, "inside/way/deep"), { recursive: true })
      Fs.writeFileSync(join(top, "inside/way/deep/file"), "inside")
      Fs.symlinkSync(join(top, "outside"), join(top, "inside/folder-trap"))
      Fs.symlinkSync(join(top, "outside/deep/file"), join(top, "inside/way/deep/trap"))
      const before = Attacks.untouchable(top)
      yield* swapping(join(top, "inside/way/deep"), "file", "trap")
      yield* swapping(join(top, "inside"), "way", "folder-trap")
      const outcomes = new Set<string>()
      // Both the folder, and the link in its place. A busy machine may be slow to show them.
      const met = () =>
        ["read text", "read Denied", "write ok", "write Denied"].every((one) => outcomes.has(`${one} false`))
      for (let count = 0; count < 2000 || (!met() && count < 100_000); count++) {
        const attempt = attempts[count % attempts.length] ?? ""
        const outcome = yield* Attacks.attempted(files, top, attempt)
        if (outcome.startsWith("names:")) assert.notInclude(outcome, "secret")
        outcomes.add(`${attempt.split(" ")[0]} ${outcome.split(":")[0]} ${outcome.includes("SECRET")}`)
      }
      assert.deepStrictEqual(Attacks.untouchable(top), before)
      assert.deepStrictEqual(
        [...outcomes].filter((outcome) => outcome.endsWith("true")),
        []
      )
      assert.isTrue(met(), [...outcomes].join(", "))
    })
  )
})
