import * as LocalSandbox from "axonal/sandbox/LocalSandbox"
import * as Sandbox from "axonal/sandbox/Sandbox"
import * as Suites from "axonal/testing/Suites"
import { Effect, Layer } from "effect"
import * as Attacks from "../support/attacksFiles.ts"

Suites.sandbox("memory", Sandbox.layerMemory(), { commands: false })

const local = Layer.unwrapScoped(Effect.map(Attacks.host, (top) => LocalSandbox.layer({ folder: `${top}/inside` })))
Suites.sandbox("local", local, { outside: "/etc/passwd", terminal: true })
