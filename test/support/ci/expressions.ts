import { data, Evaluator, Lexer, Parser } from '@actions/expressions';

/** What expressions can name: `github`, `inputs`, `steps` and so on. */
export type Contexts = Readonly<Record<string, unknown>>;

/** How the steps before went, for `success()`, `failure()` and `always()`. */
export type Status = 'success' | 'failure';

/** Evaluates the `${{ … }}` of a value of a workflow, as the runner does. */
export function interpolate(value: unknown, contexts: Contexts): string {
  if (value === undefined || value === null) return '';
  return String(value).replace(/\$\{\{(.*?)\}\}/gs, (_, expression: string) =>
    evaluate(expression, contexts, 'success').coerceString(),
  );
}

/** Evaluates every value of a mapping such as `env` and `with`. */
export function interpolateAll(values: object | undefined, contexts: Contexts): Record<string, string> {
  return Object.fromEntries(Object.entries(values ?? {}).map(([name, value]) => [name, interpolate(value, contexts)]));
}

/**
 * Returns whether a step or job with this `if` runs. Without a status function, it needs success.
 */
export function isMet(condition: unknown, contexts: Contexts, status: Status): boolean {
  const text = String(condition ?? 'success()').trim();
  const expression = /^\$\{\{(.*)\}\}$/s.exec(text)?.[1] ?? text;
  const asksForStatus = /\b(?:success|failure|always|cancelled)\s*\(/.test(expression);
  return (
    evaluate(asksForStatus ? expression : `success() && (${expression})`, contexts, status).coerceString() === 'true' ||
    isTruthy(evaluate(asksForStatus ? expression : `success() && (${expression})`, contexts, status))
  );
}

function isTruthy(value: data.ExpressionData): boolean {
  const text = value.coerceString();
  return text !== '' && text !== 'false' && text !== '0';
}

function evaluate(expression: string, contexts: Contexts, status: Status): data.ExpressionData {
  const functions = [
    ['success', status === 'success'],
    ['failure', status === 'failure'],
    ['always', true],
    ['cancelled', false],
  ] as const;
  const known = functions.map(([name, result]) => ({
    name,
    minArgs: 0,
    maxArgs: 0,
    call: () => new data.BooleanData(result),
  }));
  const { tokens } = new Lexer(expression).lex();
  const parsed = new Parser(tokens, Object.keys(contexts), known).parse();
  const dictionary = toData(contexts);
  if (!(dictionary instanceof data.Dictionary)) throw new Error('contexts are an object');
  return new Evaluator(parsed, dictionary, new Map(known.map((each) => [each.name, each]))).evaluate();
}

function toData(value: unknown): data.ExpressionData {
  if (value === undefined || value === null) return new data.Null();
  if (typeof value === 'string') return new data.StringData(value);
  if (typeof value === 'number') return new data.NumberData(value);
  if (typeof value === 'boolean') return new data.BooleanData(value);
  if (Array.isArray(value)) return new data.Array(...value.map(toData));
  return new data.Dictionary(...Object.entries(value).map(([key, each]) => ({ key, value: toData(each) })));
}
