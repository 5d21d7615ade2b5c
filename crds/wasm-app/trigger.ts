import { Type } from "typebox";
import { ATOMIC, exactlyOneOf, oneOf, rules } from "./builders.ts";
import { CRON_SCHEDULE, TIME_ZONE } from "./patterns.ts";

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
    schedule: Type.String({
      description: "When to run: minute, hour, day of month, month and day of week, or a macro such as `@hourly`.",
      title: "five cron fields such as */5 * * * *, or a macro such as @hourly",
      maxLength: 256,
      pattern: CRON_SCHEDULE,
    }),
    timeZone: Type.String({
      description: "IANA time zone of the schedule.",
      title: "an IANA time zone such as Europe/Berlin",
      default: "Etc/UTC",
      maxLength: 64,
      pattern: TIME_ZONE,
    }),
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
