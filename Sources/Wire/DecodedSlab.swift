package import Core

/// What a decoder made of a slab.
package struct DecodedSlab: Sendable {
    /// Why the decoder went no further.
    package enum Stop: Sendable, Equatable {
        /// All of the slab is decoded.
        case end
        /// A control line stands at this range of the slab, without its newline; everything before it is
        /// in the batch.
        case control(Range<Int>)
        /// The batch is full: go on with a new one from `consumed`.
        case full
    }

    package var batch: EventBatch
    /// Bytes of the slab done with, newlines included: where to go on.
    package var consumed: Int
    package var stop: Stop

    package init(batch: EventBatch, consumed: Int, stop: Stop) {
        self.batch = batch
        self.consumed = consumed
        self.stop = stop
    }
}
