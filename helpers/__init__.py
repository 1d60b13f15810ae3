"""What the Inkdrop notebooks import: one subject a file, each readable in one sitting."""
