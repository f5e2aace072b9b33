/** What can open over the beds, by name. */

import { login } from "./login.js";

export const PANELS = { login };
