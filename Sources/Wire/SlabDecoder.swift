/// Turns whole lines into events.
package protocol SlabDecoder: ~Copyable, SendableMetatype {
    /// - Parameters:
    ///   - slab: whole lines, each ended by a newline, with `LineFramer.padding` readable bytes behind.
    ///   - streamStart: the slab begins where the connection began, so that a byte order mark is skipped.
    mutating func decode(_ slab: UnsafeRawBufferPointer, streamStart: Bool) -> DecodedSlab
}
