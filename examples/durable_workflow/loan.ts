// What a loan is, for whoever starts it and for its workflow.
import { z } from "zod";

export const Loan = z.strictObject({
  loan_id: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/), // what a name of an execution may be
  customer: z.string().min(1).max(64),
  cents: z.int().positive().max(10_000_000),
});
export type Loan = z.infer<typeof Loan>;
