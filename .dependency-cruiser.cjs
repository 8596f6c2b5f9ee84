/** Holds the one-way layout: cni -> loader -> dsl/object; programs -> dsl/lang; dsl knows nothing of the rest. */
const only = (name, from, allowed) => ({
  name,
  severity: 'error',
  from: { path: `^${from}/`, pathNot: '\\.test\\.ts$' },
  to: {
    path: '^(dsl|programs|loader|cni|verifier-tests|bench|scripts)/',
    pathNot: [`^${from}/`, ...allowed.map((folder) => `^${folder}/`)],
  },
});

module.exports = {
  forbidden: [
    only('programs-import-only-the-language', 'programs', ['dsl/lang']),
    only('dsl-stands-alone', 'dsl', []),
    only('loader-imports-only-objects', 'loader', ['dsl/object']),
    only('cni-imports-loader-and-objects', 'cni', ['loader', 'dsl/object']),
    only('interpreter-shares-no-code-with-the-compiler', 'dsl/interpreter', [
      'dsl/object',
      'dsl/compiler/tree',
      'dsl/machine',
    ]),
    only('vm-runs-bytecode-alone', 'dsl/vm', ['dsl/object', 'dsl/machine']),
    // Recursive descent over a recursive tree: within the lowering, statements, expressions and calls call each other.
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: {
        circular: true,
        viaOnly: { dependencyTypesNot: ['type-only'], pathNot: ['^dsl/compiler/lower/'] },
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
