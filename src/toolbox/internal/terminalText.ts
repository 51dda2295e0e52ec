/**
 * What a program wrote for a terminal, as one would have read it there: without colours and other commands, and of a line that
 * was written over and over, such as that of a progress bar, what stood there last.
 */

/** Commands to the terminal: of both lengths, with and without text. Each is matched in time linear in its length. */
const commands =
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[PX^_][^\u001b]*(?:\u001b\\)?|[ -/]*[0-~])/g

const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g

export const plainText = (text: string): string => {
  const bare = text.includes("\u001b") ? text.replace(commands, "") : text
  const lines = bare.includes("\r") ? bare.split("\n").map(last).join("\n") : bare
  return lines.replace(controls, "")
}

// internal

/** What stands in a line at last. A return at its very end belongs to the end of the line. */
const last = (line: string): string => {
  let end = line.length
  while (line[end - 1] === "\r") end--
  return end === 0 ? "" : line.slice(line.lastIndexOf("\r", end - 1) + 1, end)
}
