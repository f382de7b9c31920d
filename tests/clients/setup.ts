// How long tests wait, and how they complain: without the page's source, for it says little here.
import { configure } from "@testing-library/react";

configure({ asyncUtilTimeout: 15_000, getElementError: (message) => new Error(message ?? "not found") });

declare global {
  /** What stands for the one address that a specification's text holds. */
  var GIVEN_URL: string;
}
