"""PromptScorer: the log-probability of a translation under a prompted language model."""

from __future__ import annotations

from collections.abc import Sequence

from xltpipe.errors import DataError, RecipeError
from xltpipe.translation.server_answers import Tokens
from xltpipe.translation.server_client import ServerClient


class PromptScorer:
    """Scores pairs by log p(target and ending | prompt of the source), in nats.

    Where the target begins is known by token ids: those of the prompt alone must begin those of
    prompt and target. Where they do not, since a token runs across the border, the prompt and the
    target are given as tokens, each cut on its own; `straddled` counts those pairs.

    Args:
        prompt: what the model reads before the target; `{source}` stands for the source text. It
            should end with a line break, over which tokenisers do not join.
        ending: what follows a target, so that one that breaks off is less likely than a whole one.
    """

    def __init__(self, client: ServerClient, *, prompt: str, ending: str) -> None:
        if "{source}" not in prompt:
            raise RecipeError(f"Prompt of a scorer must hold {{source}}, was: {prompt!r}")
        self._client, self._prompt, self._ending = client, prompt, ending
        self.straddled = 0

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """One sum of log-probabilities per pair (source, target), same order; never above 0."""
        prompts = [self._prompt.replace("{source}", source) for source, _ in pairs]
        targets = [target + self._ending for _, target in pairs]
        unique = list(dict.fromkeys(prompts))
        cut = self._client.token_ids(unique, special=True)
        before = dict(zip(unique, cut, strict=True))
        whole = self._client.prompt_log_probs(
            [prompt + target for prompt, target in zip(prompts, targets, strict=True)]
        )
        across = [k for k, one in enumerate(whole) if not _begins(one.ids, before[prompts[k]])]
        self.straddled += len(across)
        apart = self._apart([(before[prompts[k]], targets[k]) for k in across])
        for k, tokens in zip(across, apart, strict=True):
            whole[k] = tokens
        starts = [len(before[prompt]) for prompt in prompts]
        return [sum(one.log_probs[start:]) for one, start in zip(whole, starts, strict=True)]

    def _apart(self, pairs: Sequence[tuple[tuple[int, ...], str]]) -> list[Tokens]:
        """Prompts and targets joined as tokens, so that none can run across."""
        targets = self._client.token_ids([target for _, target in pairs], special=False)
        joined = [(*ids, *cut) for (ids, _), cut in zip(pairs, targets, strict=True)]
        scored = self._client.prompt_log_probs(joined)
        for given, read in zip(joined, scored, strict=True):
            if given != read.ids:
                raise DataError(
                    "Server must read a prompt of tokens as it is, was: "
                    f"{len(given)} tokens sent, {len(read.ids)} read"
                )
        return scored


def _begins(ids: Sequence[int], prefix: Sequence[int]) -> bool:
    return tuple(ids[: len(prefix)]) == tuple(prefix)
