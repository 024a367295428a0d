import { FairleadError } from '#lib/errors';
import { nameOptions } from '#lib/text/name-options';

/** Options of the functions that pull, and what those set who configure a node or write a pod. */
const settings: Readonly<Record<string, string>> = {
  kind: 'the kind of profile in the pod',
  plainHttp: 'the server http://… in its hosts.toml',
};

/**
 * Returns an error for the status of a pod and the log of a node: its hint names what is set there,
 * not options of functions, for which the shim has no flags.
 */
export function forNode(error: FairleadError): FairleadError {
  const { kind, summary, pointer, local, details } = error;
  const hint = error.hint === undefined ? undefined : nameOptions(error.hint, settings);
  if (hint === undefined || hint === error.hint) return error;
  return new FairleadError(kind, summary, {
    ...{ cause: error, hint },
    ...(pointer !== undefined && { pointer }),
    ...(local !== undefined && { local }),
    ...(details !== undefined && { details }),
  });
}
