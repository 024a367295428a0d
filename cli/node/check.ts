import { toFairleadError } from '#lib/errors';

/** The result of one check of a node. */
export interface NodeCheck {
  readonly name: string;
  readonly result: 'ok' | 'warning' | 'failed';
  /** What was found. */
  readonly seen: string;
  /** What to do. */
  readonly hint?: string;
}

/** Where the parts of a node are. */
export interface NodeParts {
  /** Socket of the shim for administrators. */
  readonly socket: string;
  /** Socket of the shim for the kubelet. */
  readonly listen: string;
  readonly runtime: string;
  readonly policy: string;
  readonly state: string;
  readonly lsm: string;
  /** The root of the file system that is checked, for tests: `/`. */
  readonly root: string;
}

/** Runs a check; an error that it throws is its failure. */
export async function checked(name: string, run: () => Promise<Omit<NodeCheck, 'name'>>): Promise<NodeCheck> {
  try {
    return { name, ...(await run()) };
  } catch (thrown) {
    const { message, hint } = toFairleadError(thrown);
    return { name, result: 'failed', seen: message, ...(hint === undefined ? {} : { hint }) };
  }
}
