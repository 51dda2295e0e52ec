/**
 * Files that go along with words: how large they may be, and which models take them.
 */
import type { Capability } from "../../domain/ModelInfo.ts"

/**
 * What models are able to take besides words.
 *
 * @category models
 * @since 0.1.0
 */
export type Taking = Extract<Capability, `${string}-input`>

/**
 * How many bytes a file may have that goes along.
 *
 * @category constructors
 * @since 0.1.0
 */
export const mostBytes = 20 * 1024 * 1024

/**
 * What a model has to be able to do so that it takes a file of this kind; nothing for kinds that none takes.
 *
 * @category converters
 * @since 0.1.0
 */
export const neededBy = (mediaType: string): Taking | undefined =>
  mediaType === "application/pdf" ? "file-input" : kinds.get(mediaType.slice(0, mediaType.indexOf("/")))

// internal

const kinds = new Map<string, Taking>([
  ["image", "image-input"],
  ["audio", "audio-input"],
  ["video", "video-input"]
])
