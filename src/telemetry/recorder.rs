//! What is said of the recorder of metrics.

/// The application's recorder of metrics panicked. Said once in the process.
pub(crate) fn recorder_panicked() {
    tracing::error!(
        name: "recorder_panicked",
        target: "tower_coherence",
        "the recorder of metrics panicked: what this cache counts is not reported"
    );
}
