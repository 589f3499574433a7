/// Plain working memory that grows and is written before it is read. Unlike an array's, its elements are reached
/// without counting references.
struct Scratch<Element: BitwiseCopyable>: ~Copyable {
    private var base: UnsafeMutablePointer<Element>?
    private(set) var capacity = 0

    init() {}

    deinit { base?.deallocate() }

    @inline(__always)
    subscript(index: Int) -> Element {
        get { base.unsafelyUnwrapped[index] }
        nonmutating set { base.unsafelyUnwrapped[index] = newValue }
    }

    /// Makes room for so many; what was written is lost where there was none.
    @inline(__always)
    mutating func reserve(_ count: Int) {
        if count > capacity { grow(count) }
    }

    @inline(never)
    private mutating func grow(_ count: Int) {
        base?.deallocate()
        capacity = count * 2
        base = .allocate(capacity: capacity)
    }

    /// Sets the first so many.
    @inline(__always)
    func fill(_ count: Int, _ value: Element) {
        if count > 0 { base.unsafelyUnwrapped.update(repeating: value, count: count) }
    }
}
