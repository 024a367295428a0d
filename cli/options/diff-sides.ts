import { FairleadError } from '#lib/errors';

/** Values of the options of diff for a profile that has one side. */
export interface SideOptions {
  readonly new?: boolean;
  readonly deleted?: boolean;
}

/** How git names the missing side of a new or deleted file. */
const noFile = '/dev/null';

/** Returns the files of both sides; one side may be missing. Throws InvalidInput. */
export function diffSides(
  first: string | undefined,
  second: string | undefined,
  options: SideOptions,
): { readonly from?: string | undefined; readonly to?: string | undefined } {
  const { new: isNew = false, deleted = false } = options;
  if (isNew && deleted)
    throw new FairleadError('InvalidInput', '--new and --deleted cannot be used together', {
      hint: 'Leave out --new or --deleted.',
    });
  if (isNew) {
    const named = first === noFile ? [second] : [first, second];
    return { to: onlyOne(named, 'fairlead diff --new TO') };
  }
  if (deleted) {
    const named = second === noFile ? [first] : [first, second];
    return { from: onlyOne(named, 'fairlead diff --deleted FROM') };
  }
  if (first === undefined || second === undefined) {
    throw new FairleadError('InvalidInput', `${first === undefined ? 'no' : 'only one'} profile to compare`, {
      hint: 'Use fairlead diff FROM TO. For a new or deleted profile, use fairlead diff --new TO or fairlead diff --deleted FROM.',
    });
  }
  if (first === noFile && second === noFile) {
    throw new FairleadError('InvalidInput', 'no profile to compare', { hint: 'Use fairlead diff FROM TO.' });
  }
  return { from: first === noFile ? undefined : first, to: second === noFile ? undefined : second };
}

/** Returns the file of a comparison that has one side. Throws InvalidInput. */
function onlyOne([file, other]: readonly (string | undefined)[], usage: string): string {
  if (file !== undefined && file !== noFile && other === undefined) return file;
  throw new FairleadError('InvalidInput', '--new and --deleted take one profile', { hint: `Use ${usage}.` });
}
