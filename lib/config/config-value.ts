import { ConfigDocument, type Path } from './config-document.ts';

/** A configuration that is part of an object, in which the place of a value is its field. */
export class ConfigValue extends ConfigDocument {
  readonly value: unknown;
  readonly #fieldOf: (path: Path) => string;

  /** `fieldOf` returns the field at a path, such as `spec.rules[0].match`. */
  constructor(value: unknown, fieldOf: (path: Path) => string, hint: string) {
    super(hint);
    this.value = value;
    this.#fieldOf = fieldOf;
  }

  position(path: Path): string {
    return this.#fieldOf(path);
  }

  at(path: Path): string {
    return this.#fieldOf(path);
  }
}
