/**
 * A worker of a convoy in a process of its own: it claims an item, writes half of it, says so and stays. Argument: the folder.
 */
import * as Runner from "axonal/pattern/Runner"
import { ScriptedTransport } from "axonal/testing"
import * as Effect from "effect/Effect"
import * as Main from "../../examples/convoy/main.ts"
import * as Worker from "../../examples/convoy/worker.ts"

const [, , folder = ""] = process.argv
const { call, gate } = ScriptedTransport

const models = ScriptedTransport.layer([
  [call("1", "write_file", { path: "fr/menu.json", text: "{" })],
  [
    gate(
      Effect.zipRight(
        Effect.sync(() => process.stdout.write("begun\n")),
        Effect.never
      )
    )
  ]
])

// An unfinished fiber keeps nothing alive.
setInterval(() => {}, 1000)
Effect.runPromise(
  Runner.run(Worker.make("dead", { folder, lease: "2 seconds" }), "Go.").pipe(
    Effect.provide(models),
    Effect.provide(Main.kept(folder))
  )
).catch((error) => {
  process.stderr.write(`${error}\n`)
  process.exit(1)
})
