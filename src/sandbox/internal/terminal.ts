import * as Effect from "effect/Effect"
import type * as Sandbox from "../Sandbox.ts"
import type { SandboxError } from "../SandboxError.ts"
import type { Host, Order } from "./process.ts"
import type { Spawn } from "./running.ts"
export const spawn = (
  _host: Host,
  _order: Order,
  _size: NonNullable<Sandbox.ExecOptions["terminal"]>
): Effect.Effect<Spawn, SandboxError> => Effect.dieMessage("soon")
