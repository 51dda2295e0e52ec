/** Whether commands can be run in namespaces here. Where they cannot, tests that need it are skipped, and say why. */
import { spawnSync } from "node:child_process"
import { describe, it } from "@effect/vitest"

const tried = spawnSync("bwrap", ["--ro-bind", "/", "/", "--unshare-all", "--proc", "/proc", "--dev", "/dev", "true"])

const why =
  tried.error !== undefined
    ? "bubblewrap is not installed"
    : tried.status === 0
      ? undefined
      : `bubblewrap cannot make namespaces here: ${String(tried.stderr).trim()}`

if (why !== undefined) console.warn(`Tests of BubblewrapSandbox are skipped: ${why}`)

/** Whether it works. */
export const works = why === undefined

/** Declares tests that need it, or that they are skipped. */
export const withNamespaces = (name: string, declare: () => void): void => {
  if (works) declare()
  else describe.skip(name, () => it("needs bubblewrap", () => {}))
}
