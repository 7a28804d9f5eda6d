"""Result folders on disk: shards, manifest, lock, reading back."""
