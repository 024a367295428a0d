import { FairBudget } from '../concurrency/fair-budget.ts';
import { FairleadError } from '../errors.ts';
import type { AnswerSize, ApiRequest, ApiServer } from './api-server.ts';

/** 8 KiB for each of 500 objects; hardly any has 2. */
const mostBytes = 4 * 1024 * 1024;
/** Larger answers take turns: read at the same time, they would take too much memory and time. */
const smallBytes = 128 * 1024;
const inFlight = { total: 4, share: 1 };
const turnWithinMs = 1000;

/** Reads answers that may be large: small ones at once, and of large ones a few at a time. */
export class LargeAnswers {
  readonly #api: ApiServer;
  readonly #large = new FairBudget(inFlight);

  constructor(api: ApiServer) {
    this.#api = api;
  }

  /**
   * Returns the body of an answer. Large answers to one `owner` are read one at a time. Throws as
   * {@link ApiServer.get} does, LimitExceeded for more than 4 MiB, and Unavailable if a large
   * answer does not get its turn within 1 s.
   */
  async get(owner: string, request: ApiRequest): Promise<string> {
    const held: (() => void)[] = [];
    const turn = async (): Promise<void> => {
      const late = new AbortController();
      const timer = setTimeout(() => {
        late.abort(new FairleadError('Unavailable', 'it is large, and too many other large lists are being read'));
      }, turnWithinMs);
      held.push(await this.#large.acquire(owner, 1, late.signal).finally(() => clearTimeout(timer)));
    };
    const size: AnswerSize = { max: mostBytes, small: smallBytes, turn };
    try {
      return await this.#api.get({ ...request, size });
    } finally {
      for (const giveBack of held) giveBack();
    }
  }
}
