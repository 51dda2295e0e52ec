/**
 * The languages that code is coloured in.
 */
import { common, createLowlight } from "lowlight"

/**
 * What takes code apart, with its commonest languages.
 *
 * @category constructors
 * @since 0.1.0
 */
export const languages = createLowlight(common)
