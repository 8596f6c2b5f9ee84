/** Lists of numbers by the number of their owner, one behind the other in one array. */
export class Lists {
  /** Every list's numbers. */
  readonly members: number[] = [];
  private readonly starts: number[] = [0];

  /** Ends the list of the next owner: what was put into `members` since the last one was ended. */
  close(): void {
    this.starts.push(this.members.length);
  }

  /** Where a list starts among the members; it ends where the next one starts. */
  start(list: number): number {
    return this.starts[list] ?? 0;
  }

  /** A member by its place. */
  at(place: number): number {
    return this.members[place] ?? 0;
  }
}
