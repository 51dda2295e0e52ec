/**
 * What no rule can allow, because nothing brings back what it destroys. The list is data; a program is meant by its base
 * name, whatever folder it is in.
 */
import type { Match } from "./commandRules.ts"
import { byProgram, flagged, matchesText } from "./commandRules.ts"
import type { Redirection, Word } from "./commandSyntax.ts"

export type Operands = "vital" | "device" | "target"

/** A command that is blocked: one of the programs, with one of the options, and a word or an operand of a kind. */
export interface Block {
  readonly id: string
  readonly reason: string
  readonly programs: string
  readonly options?: ReadonlyArray<string> | undefined
  /** Patterns of which a word must match one. */
  readonly words?: ReadonlyArray<string> | undefined
  /** `target` is a device, and what is not known may be one. */
  readonly operands?: Operands | undefined
}

const tree = "it would delete or move a whole system or home folder"
const disk = "it would overwrite a disk or a partition"
const power = "it would stop or restart the machine"

/** The list. */
export const blocks: ReadonlyArray<Block> = [
  {
    id: "delete-tree",
    reason: tree,
    programs: "rm grm srm trash",
    options: ["r", "R", "--recursive"],
    operands: "vital"
  },
  { id: "delete-tree", reason: tree, programs: "mv gmv rd rmdir unlink", operands: "vital" },
  {
    id: "delete-tree",
    reason: tree,
    programs: "find gfind",
    words: ["-delete", "rm", "*/rm", "shred"],
    operands: "vital"
  },
  { id: "delete-tree", reason: tree, programs: "rsync", words: ["--del*"], operands: "vital" },
  {
    id: "permissions",
    reason: "it would change owners or permissions of a whole system or home folder",
    programs: "chmod chown chgrp chattr setfacl gchmod gchown",
    options: ["R", "--recursive"],
    operands: "vital"
  },
  {
    id: "format",
    reason: disk,
    programs:
      "mkfs mkfs.* mke2fs mkswap mkdosfs newfs newfs_* wipefs blkdiscard sfdisk sgdisk fdisk cfdisk gdisk parted hdparm badblocks"
  },
  { id: "format", reason: disk, programs: "diskutil", words: ["erase*", "zero*", "partition*", "secure*", "reformat"] },
  { id: "format", reason: disk, programs: "cryptsetup", words: ["luksFormat", "luksErase", "luksKillSlot", "erase"] },
  { id: "format", reason: disk, programs: "zpool zfs", words: ["destroy", "labelclear"] },
  { id: "format", reason: disk, programs: "lvremove vgremove pvremove" },
  { id: "format", reason: disk, programs: "nvme", words: ["format", "sanitize"] },
  {
    id: "device",
    reason: disk,
    programs: "tee cp gcp mv install truncate cat ln pv sponge fallocate",
    operands: "device"
  },
  { id: "device", reason: disk, programs: "dd dcfldd shred wipe scrub", operands: "target" },
  { id: "power", reason: power, programs: "shutdown reboot halt poweroff telinit" },
  { id: "power", reason: power, programs: "init", words: ["0", "1", "6", "s", "S"] },
  {
    id: "power",
    reason: power,
    programs: "systemctl loginctl",
    words: ["poweroff", "reboot", "halt", "kexec", "soft-reboot", "rescue", "emergency", "suspend", "hibernate", "exit"]
  },
  { id: "kill-all", reason: "it would end every process", programs: "killall5" },
  {
    id: "kill-all",
    reason: "it would end every process",
    programs: "kill",
    words: ["-1"],
    options: ["9", "K", "s", "--signal"]
  },
  {
    id: "backups",
    reason: "it would delete backups",
    programs: "vssadmin wbadmin tmutil",
    words: ["Delete*", "delete*"]
  }
]

/** Whether a block holds: surely, or perhaps because a word of the command is known only at run time. */
export const blocked = (
  program: string,
  words: ReadonlyArray<Word>,
  folders: ReadonlyArray<string | undefined>
): { readonly block: Block; readonly match: Match } | undefined => {
  for (const block of blocksOf(program)) {
    const match = holds(block, words, folders)
    if (match !== "no") return { block, match }
  }
  return undefined
}

/** What a redirection must not write to, with the reason. */
export const blockedTarget = (
  { operator, target }: Redirection,
  folders: ReadonlyArray<string | undefined>
): string | undefined => {
  const path = target.text
  if (path === undefined || operator.startsWith("<<")) return undefined
  if (/^\/+dev\/+(?:tcp|udp)\//.test(path)) return "it connects a shell to the network"
  if (operator === "<" || operator === "<&") return undefined
  const places = folders.map((folder) => resolved(path, folder ?? ""))
  if (places.some((place) => isDevice(place) || /^\/(?:proc|sys|boot)\//.test(place))) {
    return "it would write to a device or to the kernel"
  }
  const accounts = /^\/etc\/(?:passwd|shadow|group|sudoers|fstab|ld\.so\.preload)$/
  return places.some((place) => accounts.test(place)) ? "it would overwrite who may enter the system" : undefined
}

/** A path without `.`, `..` and double slashes, seen from a folder. */
export const resolved = (path: string, folder: string): string => {
  const whole = /^[/~]/.test(path) || folder === "" ? path : `${folder}/${path}`
  const parts: Array<string> = []
  for (const part of whole.split("/")) {
    if (part === "" || part === ".") continue
    const last = parts[parts.length - 1]
    if (part !== "..") parts.push(part)
    else if (last !== undefined && last !== ".." && !last.startsWith("~")) parts.pop()
    else if (!whole.startsWith("/")) parts.push(part)
  }
  return (whole.startsWith("/") ? "/" : "") + parts.join("/")
}

// internal

const blocksOf = byProgram(blocks.map((block) => [block.programs, block] as const))

const holds = (block: Block, words: ReadonlyArray<Word>, folders: ReadonlyArray<string | undefined>): Match => {
  const known = words.filter(({ text }) => text !== undefined)
  const [open, splits] = [words.length - known.length, words.some((word) => word.text === undefined && word.splits)]
  const needs: Array<Match> = []
  if (block.options !== undefined) needs.push(flagged(block.options, words))
  if (block.words !== undefined) {
    const patterns = block.words
    const found = known.some(({ text = "" }) => patterns.some((pattern) => matchesText(pattern, text)))
    needs.push(found ? "yes" : open > 0 ? "maybe" : "no")
  }
  if (block.operands !== undefined) needs.push(operands(block.operands, words, folders))
  if (needs.includes("no")) return "no"
  // One word that stays one word cannot be both the option and the operand.
  const perhaps = needs.filter((need) => need === "maybe").length
  if (perhaps > 1 && open === 1 && !splits && known.length === words.length - 1 && needs.length === perhaps) return "no"
  return perhaps === 0 ? "yes" : "maybe"
}

const operands = (kind: Operands, words: ReadonlyArray<Word>, folders: ReadonlyArray<string | undefined>): Match => {
  let perhaps = false
  for (const { text } of words) {
    if (text === undefined) perhaps = true
    else if (kind !== "vital") {
      const path = text.replace(/^(?:of|--output|--target-directory)=/, "")
      if (folders.some((folder) => isDevice(resolved(path, folder ?? "")))) return "yes"
    } else if (!text.startsWith("-") && text !== "") {
      for (const folder of folders) {
        if (folder === undefined) perhaps ||= !/^[/~]/.test(text)
        else if (isVital(resolved(text, folder)) && !(folder === "" && resolved(text, "") === "")) return "yes"
      }
    }
  }
  return perhaps && kind !== "device" ? "maybe" : "no"
}

const system = new Set(
  `bin boot dev etc home lib lib32 lib64 libx32 media mnt opt proc root run sbin srv sys usr var system library applications
  users volumes private cores windows programdata nix data storage`.split(/\s+/)
)

/** The root, what lies directly in it, homes and what lies in a folder of the system; globs are taken at their widest. */
const isVital = (path: string): boolean => {
  const parts = path.split("/").filter((part) => part !== "")
  const [first = "", second, third] = parts.map((part) => part.toLowerCase())
  const wide = (part: string | undefined): boolean => part !== undefined && /^[*?[.{]/.test(part) && /[*?[]/.test(part)
  if (first.startsWith("~") && parts.includes("..")) return true
  if (first.startsWith("~")) return second === undefined || (third === undefined && wide(second))
  if (first === "..") return parts.every((part) => part === ".." || wide(part))
  if (/^[a-z]:\\*$/.test(first) || first === "\\") return second === undefined
  if (!path.startsWith("/")) return parts.length === 1 && /^\.[*?[]/.test(first)
  if (second === undefined) return first === "" || /[*?[{]/.test(first) || system.has(first)
  if (/^(?:proc|sys|dev|boot)$/.test(first)) return true
  if (!system.has(first) && !/[*?[{]/.test(first)) return false
  if (first === "home" || first === "users") return third === undefined || (parts.length === 3 && wide(third))
  const whole = third === undefined || (parts.length === 3 && wide(third))
  return whole && (wide(second) || /^(?:bin|lib|lib64|sbin|share|local|home|log|root)$/.test(second))
}

const isDevice = (path: string): boolean =>
  /^\/dev\/(?:[hsv]d[a-z*?[]|xvd|nvme|mmcblk|r?disk|dm-|md|mapper\/|loop|sr|zd|nbd|ram|mem$|kmem$|port$|disk\/|block\/|input\/|[*?[])/.test(
    path
  ) || /^\/(?:proc\/sysrq-trigger|sys\/(?:power|block|firmware)\/)/.test(path)
