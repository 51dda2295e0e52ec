/**
 * The version of this package, which a module cannot read from package.json without Node. A test holds the two together.
 */
export const version = "0.1.0"
