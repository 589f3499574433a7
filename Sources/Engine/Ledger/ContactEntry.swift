package import Core

/// What was said of a user by `$consent` or `$profile`, named by the mark of the id alone.
package struct ContactEntry: Sendable, Equatable {
    package var mark: ErasureMark
    package var profile: ContactProfile

    package init(mark: ErasureMark, profile: ContactProfile) {
        self.mark = mark
        self.profile = profile
    }

    package func write(to out: inout ByteWriter) {
        out.put(mark.high)
        out.put(mark.low)
        out.put(mark.partition)
        profile.write(to: &out)
    }

    package init(from input: inout ByteReader) throws(StateError) {
        mark = ErasureMark(high: try input.get(), low: try input.get(), partition: try input.get())
        guard Int(mark.partition) < Partitioning.count else {
            throw StateError("what was said of a user of partition \(mark.partition)")
        }
        profile = try ContactProfile(from: &input)
    }
}
