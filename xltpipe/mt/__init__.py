"""Translation models of one's own: trained from files of sentence pairs (see `course`)."""
