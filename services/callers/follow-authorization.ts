import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { FairleadError } from '#lib/errors';
import { fileHint } from '#lib/files/file-hint';
import { type FollowedContent, type FollowedReports, followFile } from '#lib/files/follow-file';
import { requireFile } from '#lib/files/require-file';
import type { Authorization } from './authorization.ts';
import { parseAuthorization } from './parse-authorization.ts';

/** The authorization in force, which follows changes of its file. */
export interface AuthorizationSource {
  readonly current: Authorization;
  /** Whether it is the one in the file. */
  readonly inForce: boolean;
  /** Reads the file again. If it is invalid, logs an error and keeps the previous one. */
  reload(): Promise<void>;
  /** Stops following the file: nothing is reported and nothing changes after it. */
  stop(): void;
}

/** How an authorization file is followed. */
export interface AuthorizationWatch {
  /**
   * Receives what happens to the file; has pino's methods. Records carry the messageId
   * `fairlead.authorization.loaded`, `fairlead.authorization.missing` or
   * `fairlead.authorization.broken`.
   */
  readonly log: Record<'info' | 'warn' | 'error', (record: object, message: string) => void>;
  /** Milliseconds between readings. */
  readonly interval?: number;
}

interface LoadedAuthorization extends Authorization, FollowedContent {}

/**
 * Loads an authorization file, and reads it again as the trust policy is: every ten seconds and on
 * reload(). A file that does not exist allows nothing. Throws InvalidInput if it is invalid, or not
 * a regular file.
 */
export function followAuthorization(path: string, { log, interval }: AuthorizationWatch): Promise<AuthorizationSource> {
  const reports = reportsTo(log, path);
  return followFile(path, { load: () => load(path), reports, onRead: () => undefined, interval });
}

async function load(path: string): Promise<LoadedAuthorization> {
  await requireFile(path);
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw new FairleadError('InvalidInput', `${path}: the authorization file cannot be read`, {
      cause,
      ...fileHint(cause),
    });
  });
  const parsed = parseAuthorization(text ?? '', path);
  const absolute = (file: string): string => resolve(dirname(path), file);
  return {
    ...parsed,
    issuers: parsed.issuers.map(({ certificateAuthority, tokenFile, ...issuer }) => ({
      ...issuer,
      ...(certificateAuthority !== undefined && { certificateAuthority: absolute(certificateAuthority) }),
      ...(tokenFile !== undefined && { tokenFile: absolute(tokenFile) }),
    })),
    revision: createHash('sha256')
      .update(text ?? '')
      .digest('hex'),
    ...(text === undefined && { missing: true }),
  };
}

function reportsTo(log: AuthorizationWatch['log'], path: string): FollowedReports<LoadedAuthorization> {
  return {
    loaded({ revision, rules: { length: rules } }) {
      const record = { messageId: 'fairlead.authorization.loaded', authorization: path, revision, rules };
      if (rules > 0) log.info(record, 'authorization file loaded');
      else log.warn(record, 'authorization file loaded: it has no rules, so everything is denied');
    },
    missing() {
      const hint = 'Create the file, or correct its path (`authorization`).';
      const record = { messageId: 'fairlead.authorization.missing', authorization: path, hint };
      log.warn(record, `the authorization file ${path} does not exist: everything is denied`);
    },
    broken({ message, hint }, { revision }) {
      const record = { messageId: 'fairlead.authorization.broken', hint, revision };
      log.error(record, `invalid authorization file, the previous one stays in force: ${message}`);
    },
  };
}
