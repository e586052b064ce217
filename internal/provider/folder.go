package provider

import "context"

// FolderReader reads whole folders of the app's repository.
type FolderReader interface {
	// Folder lists the files of a folder and of all folders below it, as they
	// are at a commit. fault.NotFound: there is no such folder, or commit.
	Folder(ctx context.Context, path, commit string) (Folder, error)
	// Texts are the contents of files by the ids that Folder gave them. What is
	// no text, too large or gone has no entry.
	Texts(ctx context.Context, files []FolderFile) (map[string][]byte, error)
}

// Folder is the files of a folder.
type Folder struct {
	Files []FolderFile
	// Incomplete says that not every file could be listed, so absence proves
	// nothing.
	Incomplete bool
}

// FolderFile is one file. Its path is as it came: hostile text.
type FolderFile struct {
	Path string // inside the folder
	ID   string // git's name of the content: equal ids are equal contents
	Size int
}
