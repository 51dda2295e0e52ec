/** A program that runs a command in a sandbox and then ends in one way or another: `<sandbox> <folder> <end> <line>`. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as BubblewrapSandbox from "axonal/sandbox/BubblewrapSandbox"
import * as LocalSandbox from "axonal/sandbox/LocalSandbox"
import * as Sandbox from "axonal/sandbox/Sandbox"
import * as Effect from "effect/Effect"

const [kind, folder = "", end, line = ""] = process.argv.slice(2)
const layer = kind === "local" ? LocalSandbox.layer({ folder }) : BubblewrapSandbox.layer({ folder })
const main = Effect.provide(Sandbox.run(line, { grace: "50 millis" }), layer)
if (end === "exit") process.stdin.once("data", () => process.exit(0))
if (end === "main") NodeRuntime.runMain(main, { disableErrorReporting: true })
else Effect.runPromise(main).catch(() => {})
