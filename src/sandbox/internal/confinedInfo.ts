/**
 * What is told of a file.
 */
import type { BigIntStats } from "node:fs"
import type { FileInfo } from "../Sandbox.ts"
import { versionOf } from "./confinedHandles.ts"

export const infoOf = (path: string, stat: BigIntStats): FileInfo => ({
  path,
  kind: kindOf(stat),
  size: Number(stat.size),
  modifiedMillis: Number(stat.mtimeMs),
  mode: Number(stat.mode) & 0o7777,
  version: versionOf(stat)
})

// internal

const kindOf = (stat: BigIntStats): FileInfo["kind"] => {
  if (stat.isFile()) return "file"
  if (stat.isDirectory()) return "folder"
  return stat.isSymbolicLink() ? "link" : "other"
}
