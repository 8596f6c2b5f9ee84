// In the place of `node:module` in what a CNI call runs: that one reads Node.js's loader of ECMAScript modules, which takes a
// millisecond, and a bundle has a `require` already.
exports.createRequire = () => require;
