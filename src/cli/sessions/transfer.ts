/** placeholder */
import type * as Effect from "effect/Effect"
import type { ContextStore, SessionInfo, StoreError } from "../../context/ContextStore.ts"
import { SetupError } from "../errors.ts"
import type { Screen } from "./screen.ts"
export const toFile = (
  _info: SessionInfo,
  _file: string | undefined,
  _screen: Screen
): Effect.Effect<void, StoreError | SetupError, ContextStore> => new SetupError({ message: "not there yet" })
export const fromFile = (
  _file: string | undefined,
  _owner: string
): Effect.Effect<SessionInfo, StoreError | SetupError, ContextStore> => new SetupError({ message: "not there yet" })
