"""One public function per user action; time is an argument."""
