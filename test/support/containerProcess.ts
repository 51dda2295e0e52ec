/** A program with a sandbox of a container in which a command runs: the engine's socket, an image and seconds are its arguments. */
import * as Effect from "effect/Effect"
import * as ContainerSandbox from "../../src/sandbox/ContainerSandbox.ts"
import * as Sandbox from "../../src/sandbox/Sandbox.ts"

const [socketPath, image = "", seconds = ""] = process.argv.slice(2)

Effect.runFork(Sandbox.run(["sleep", seconds]).pipe(Effect.provide(ContainerSandbox.layer({ socketPath, image }))))
