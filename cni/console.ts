/** Where an operator's command speaks. */
export interface Console {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  /** Whether `out` leads to a terminal that wants emphasis. */
  readonly isTerminal: boolean;
}
