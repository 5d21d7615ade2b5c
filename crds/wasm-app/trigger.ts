import { Type } from "typebox";
import { ATOMIC, cronSchedule, exactlyOneOf, oneOf, rules, timeZone } from "./builders.ts";

const Arguments = Type.Array(Type.String({ description: "One argument.", maxLength: 4096 }), {
  description: "Arguments of the program, after its own name.",
  default: [],
  maxItems: 128,
  ...ATOMIC,
});

const CommandTrigger = Type.Object(
  {
    args: Arguments,
    restartPolicy: oneOf(["Always", "OnFailure", "Never"], {
      description: "Whether the program runs again after it ended, with an exponential back-off of 10 s to 5 min.",
      default: "OnFailure",
    }),
  },
  { description: "Runs the program once, to its end." },
);

const CronTrigger = Type.Object(
  {
    schedule: cronSchedule(
      "When to run: minute, hour, day of month, month and day of week, or a macro such as `@hourly`.",
    ),
    timeZone: timeZone(),
    concurrencyPolicy: oneOf(["Allow", "Forbid", "Replace"], {
      description: "What happens when a run is due while the one before still runs.",
      default: "Allow",
    }),
    startingDeadlineSeconds: Type.Optional(
      Type.Integer({
        description: "How late a missed run may still start. Left out, it starts however late it is.",
        minimum: 0,
        maximum: 604_800,
      }),
    ),
    suspend: Type.Boolean({ description: "Whether to skip all runs that come due.", default: false }),
    args: Arguments,
  },
  { description: "Runs the program to its end at given times." },
);

/** What makes the program run. */
export const Trigger = Type.Object(
  {
    http: Type.Optional(Type.Object({}, { description: "Serves HTTP requests: the program exports `wasi:http`." })),
    command: Type.Optional(CommandTrigger),
    cron: Type.Optional(CronTrigger),
  },
  {
    description: "What makes the program run: exactly one of these.",
    default: { http: {} },
    ...rules(exactlyOneOf("http", "command", "cron")),
  },
);
