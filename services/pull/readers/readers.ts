import type { ProfileKind } from '#lib/profile/profile';
import type { Reference } from '#lib/registry/reference';
import type { Authenticator } from '#services/callers/authenticator';
import { type Authorization, authorizeAnywhere, authorizeCaller, isAuthorized } from '#services/callers/authorization';
import { anonymous, type Caller } from '#services/callers/caller';

/** What Readers works with. */
export interface ReadersOptions {
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  readonly authorization: { readonly current: Authorization };
}

type Named = Pick<Reference, 'registry' | 'repository' | 'tag'>;

/** Who may read what the policy allows, as the authorization in force decides. */
export class Readers {
  readonly #options: ReadersOptions;

  constructor(options: ReadersOptions) {
    this.#options = options;
  }

  /** Whether all callers may read everything, so that no credentials are looked at. */
  get areAnonymous(): boolean {
    return this.#options.authorization.current.rules.some(
      ({ callers, verbs, repositories, tags, kinds }) =>
        callers.who === 'anyone' &&
        verbs.includes('read') &&
        repositories.includes('**') &&
        tags === undefined &&
        kinds === undefined,
    );
  }

  /** Returns who an Authorization header names. Throws as Authenticator. */
  async identify(header: string | undefined): Promise<Caller> {
    return this.areAnonymous ? anonymous : this.#options.authenticator.authenticate(header);
  }

  /** Verifies that a caller may read something somewhere. Throws as authorizeAnywhere. */
  admit(caller: Caller): void {
    authorizeAnywhere(this.#options.authorization.current, caller, 'read');
  }

  /** Verifies that a caller may read from a repository. Throws as authorizeCaller. */
  authorize(caller: Caller, reference: Named, kind: ProfileKind | 'unread' | undefined): void {
    authorizeCaller(this.#options.authorization.current, caller, { verb: 'read', reference, kind });
  }

  /** Returns whether a caller may read from a repository. */
  mayRead(caller: Caller, reference: Named, kind: ProfileKind | undefined): boolean {
    return isAuthorized(this.#options.authorization.current, caller, { verb: 'read', reference, kind });
  }
}
