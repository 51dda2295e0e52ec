/**
 * Why a plugin, or one of the things that it brings, is not used.
 */
import * as Schema from "effect/Schema"

/**
 * The kinds of reasons.
 *
 * **Details**
 *
 * - Found without running code of the plugin: `Unreadable` (its package.json), `InvalidManifest`, `WrongVersion` (of
 *   axonal or effect), `FileMissing`, `OutsidePackage`, `NameTaken`, `NotAllowed`, `NotInstalled`, `Unknown` (nothing of
 *   that name), `InvalidFile` (the file that says what is allowed).
 * - Found when it is loaded: `ImportFailed`, `ImportTimeout`, `WrongExport`, `InvalidSettings`, `BuildFailed`, `BuildDied`,
 *   `BuildTimeout`, `WrongResult`.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Reason = Schema.Literal(
  "Unreadable",
  "InvalidManifest",
  "WrongVersion",
  "FileMissing",
  "OutsidePackage",
  "NameTaken",
  "NotAllowed",
  "NotInstalled",
  "Unknown",
  "InvalidFile",
  "ImportFailed",
  "ImportTimeout",
  "WrongExport",
  "InvalidSettings",
  "BuildFailed",
  "BuildDied",
  "BuildTimeout",
  "WrongResult"
)
export type Reason = typeof Reason.Type

/**
 * A setting that is missing or wrong: its name, the variable that sets it, and what was expected there.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Setting = Schema.Struct({ key: Schema.String, variable: Schema.String, expected: Schema.String })
export interface Setting extends Schema.Schema.Type<typeof Setting> {}

/**
 * A plugin, or a contribution of it, cannot be used. The message says what is wrong and what to do.
 *
 * **Details**
 *
 * - `plugin`: the name of its package. `contribution`: which of its parts, as in `tools tides`; the whole plugin when absent.
 * - `settings`: of `InvalidSettings`, each setting that is wrong. Values are never told, since they may be secret.
 *
 * @category errors
 * @since 0.1.0
 */
export class PluginError extends Schema.TaggedError<PluginError>()("PluginError", {
  plugin: Schema.String,
  reason: Reason,
  detail: Schema.String,
  contribution: Schema.optional(Schema.String),
  settings: Schema.optional(Schema.Array(Setting))
}) {
  override get message(): string {
    const part = this.contribution === undefined ? "" : ` (${this.contribution})`
    return `${this.plugin}${part}: ${this.detail}`
  }
}
