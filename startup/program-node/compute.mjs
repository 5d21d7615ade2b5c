/* Work that keeps a processor busy, the same as in startup/program: floating point, branches and memory in turn. */

const SIDE = 96;
const DEPTH = 200;
const NUMBERS = 16 * 1024;
const SEED = 0xcbf2_9ce4_8422_2325n;
const PRIME = 0x0000_0100_0000_01b3n;

/** Returns a checksum of `rounds` rounds of work. */
export function compute(rounds) {
  let sum = SEED;
  for (let round = 0; round < rounds; round++) sum = mix(mix(sum, BigInt(escapeTimes(round))), sortedSum(sum));
  return sum.toString(16).padStart(16, "0");
}

/** How long points of the Mandelbrot set's surroundings take to leave it. */
function escapeTimes(round) {
  const shift = (round % 7) * 1e-3;
  let total = 0;
  for (let row = 0; row < SIDE; row++) {
    for (let column = 0; column < SIDE; column++) {
      total += stepsFrom((column / SIDE) * 3 - 2 + shift, (row / SIDE) * 2 - 1);
    }
  }
  return total;
}

function stepsFrom(x0, y0) {
  let [x, y, steps] = [0, 0, 0];
  for (; x * x + y * y <= 4 && steps < DEPTH; steps++) {
    const nextX = x * x - y * y + x0;
    y = 2 * x * y + y0;
    x = nextX;
  }
  return steps;
}

/** Sorts numbers that look like chance, and adds up every hundredth. */
function sortedSum(seed) {
  const numbers = new BigUint64Array(NUMBERS);
  let state = seed | 1n;
  for (let index = 0; index < NUMBERS; index++) {
    state = BigInt.asUintN(64, state ^ (state << 13n));
    state ^= state >> 7n;
    state = BigInt.asUintN(64, state ^ (state << 17n));
    numbers[index] = state;
  }
  numbers.sort();
  let sum = 0n;
  for (let index = 0; index < NUMBERS; index += 100) sum = mix(sum, numbers[index]);
  return sum;
}

function mix(sum, value) {
  return BigInt.asUintN(64, (sum ^ value) * PRIME);
}
