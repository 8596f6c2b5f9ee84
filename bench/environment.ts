/** What measured processes are started with. */

/**
 * The environment of every measured process. NODE_EXTRA_CA_CERTS would cost each node 80 ms, and an option of the
 * measuring process is none of the measured ones'.
 */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...environment } = process.env;
  return environment;
}
